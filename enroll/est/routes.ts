/**
 * Enrollment over Secure Transport (RFC 7030, 8951, 9908) on the device listener. A label in the path names a
 * group. What is decided is decided by the same use cases as behind /v1; only the form is EST's.
 */
import { csrAttributesFor } from '../../core/pki/csr-template.ts';
import type { EnrollContext } from '../context.ts';
import { type HttpServer, peerCertificateOf, type RefusalReporter } from '../http/http-server.ts';
import type { PeerChains } from '../http/peer-chains.ts';
import { registerScope } from '../http/scope.ts';
import { basicPassword, type TokenLimit } from '../http/token-limit.ts';
import type { EnrollMetrics } from '../metrics.ts';
import { crossCertificatesInUse } from '../signer/lineage.ts';
import { enrollDevice } from '../use-cases/enrolling/enroll-device.ts';
import { profileOf } from '../use-cases/issuing/key-rules.ts';
import { renewDevice } from '../use-cases/renewing/renew-device.ts';
import {
  sendAwaiting,
  sendCertificates,
  sendDer,
  sendKeyAndCertificate,
  wrappingForGet,
  wrappingOf,
} from './message.ts';
import { answerInText } from './refusal.ts';
import { body, findGroup, params, readRequest, refuseOtherNames } from './request.ts';
import { enrollWithServerKey, refuseKeyEncryption } from './server-keygen.ts';

const PREFIX = '/.well-known/est';

export interface EstRoutes {
  readonly context: EnrollContext;
  readonly metrics: EnrollMetrics;
  readonly limitToken: TokenLimit;
  readonly peers: PeerChains;
  readonly report: RefusalReporter;
}

export function estRoutes(server: HttpServer, routes: EstRoutes): void {
  registerScope(server, { name: 'est', prefix: PREFIX }, (est) => {
    est.removeContentTypeParser('application/json');
    answerInText(est, routes.report);
    for (const at of ['', '/:label']) {
      distributionRoutes(est, at, routes);
      enrollmentRoutes(est, at, routes);
      renewalRoute(est, at, routes);
    }
  });
}

/** What anybody may ask, before there is a token or a certificate: cacerts and csrattrs. */
function distributionRoutes(est: HttpServer, at: string, { context }: EstRoutes): void {
  const { registry } = context;

  est.get(`${at}/cacerts`, { schema: { params } }, async (request, reply) => {
    await findGroup(context, request.params.label);
    const issuers = (await registry.issuers()).filter(({ status }) => status !== 'retired');
    // RFC 7030 §4.1.3: while two roots stand, the certificates that lead from the one to the other belong to it.
    const certificates = [...issuers, ...(await crossCertificatesInUse(registry))].map(({ der }) => der);
    return sendCertificates(reply, certificates, wrappingForGet(request.headers['user-agent']));
  });

  est.get(`${at}/csrattrs`, { schema: { params } }, async (request, reply) => {
    const group = await findGroup(context, request.params.label);
    // Without a label the group is known only once there is a token, so there is nothing to say.
    const kinds = group === undefined ? [] : (await profileOf(registry, group)).keys;
    const attributes = csrAttributesFor(kinds);
    if (attributes === null) return reply.status(204).send();
    const wrapping = wrappingForGet(request.headers['user-agent']);
    return sendDer(reply, 'application/csrattrs', attributes, wrapping);
  });
}

/** simpleenroll, for devices with a token or a factory certificate, and serverkeygen, for those with a token. */
function enrollmentRoutes(
  est: HttpServer,
  at: string,
  { context, metrics, limitToken, peers }: EstRoutes,
): void {
  const schema = { params, body };

  est.post(`${at}/simpleenroll`, { schema }, async (request, reply) => {
    const group = await findGroup(context, request.params.label);
    await limitToken(request, reply);
    const outcome = await enrollDevice(context, {
      token: basicPassword(request.headers.authorization),
      peer: peers.factoryPeer(request),
      address: request.ip,
      group: group?.name,
      request: () => readRequest(request, request.body.csr),
    });
    if (outcome.kind === 'awaiting') {
      metrics.awaiting();
      return sendAwaiting(reply, outcome);
    }
    const { certificate, created } = outcome.enrollment;
    metrics.enrolled(created);
    return sendCertificates(reply, [certificate.der], wrappingOf(request.body.csr));
  });

  est.post(`${at}/serverkeygen`, { schema }, async (request, reply) => {
    const group = await findGroup(context, request.params.label);
    await limitToken(request, reply);
    const { certificate, pkcs8, created } = await enrollWithServerKey(context, {
      token: basicPassword(request.headers.authorization),
      address: request.ip,
      group: group?.name,
      request: () => {
        const csr = readRequest(request, request.body.csr);
        refuseKeyEncryption(csr);
        return csr;
      },
    });
    metrics.enrolled(created);
    return sendKeyAndCertificate(
      reply,
      { pkcs8, certificate: certificate.der },
      wrappingOf(request.body.csr),
    );
  });
}

/**
 * simplereenroll, for devices with a certificate: mutual TLS and nothing else. The group that counts is the
 * device's; an operator may have moved it since the address with its label was set.
 */
function renewalRoute(est: HttpServer, at: string, { context, metrics }: EstRoutes): void {
  est.post(`${at}/simplereenroll`, { schema: { params, body } }, async (request, reply) => {
    await findGroup(context, request.params.label);
    const { certificate, created } = await renewDevice(context, {
      peer: peerCertificateOf(request),
      request: () => readRequest(request, request.body.csr),
      checkAgainst: refuseOtherNames,
    });
    metrics.renewed(created);
    return sendCertificates(reply, [certificate.der], wrappingOf(request.body.csr));
  });
}
