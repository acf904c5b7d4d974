/**
 * Which certificates of a device were superseded and would be in time still, found without a look at all that it has
 * had: with certificates that live for minutes, those are hundreds of thousands within a year.
 */
export const supersededInTime = `
CREATE INDEX supersededCertificates ON certificates (device, notAfter) WHERE status = 'superseded';
`;
