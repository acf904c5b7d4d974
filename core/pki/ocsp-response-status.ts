/** OCSPResponseStatus (RFC 6960 §4.2.1). All of them travel as HTTP 200. */
export const ocspResponseStatus = {
  successful: 0,
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  unauthorized: 6,
} as const;
