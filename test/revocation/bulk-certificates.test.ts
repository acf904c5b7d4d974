/** Certificates revoked at once: by a list of them, and all that a CA issued. */
import { describe, expect, it } from '@jest/globals';
import type { IssuerView } from '../../core/api/issuers.ts';
import type { Problem } from '../../core/api/problem.ts';
import { enrollHolder } from '../enrollment/renewing.ts';
import { lastChange } from '../import/importing.ts';
import { changeAll, changeListed } from './bulk.ts';
import { eventsAfter, fleet, nothingAfter, service, statusesOf } from './bulk-fleets.ts';

describe('certificates', () => {
  it('are revoked by a list of their serial numbers, and their devices are not', async () => {
    const { holders } = await fleet(2);
    const list = holders.map(({ serialNumber }) => ({ serialNumber: serialNumber.toLowerCase() }));
    const before = await lastChange(service);
    const foretold = await changeListed(service, '/certificates/revoke?dryRun=true', list);
    await nothingAfter(before);
    expect(foretold.certificates).toEqual(
      holders.map(({ serialNumber, deviceId }) => ({ serialNumber, device: deviceId })),
    );
    const { result } = await changeListed(service, '/certificates/revoke?reason=superseded', list);
    expect(result).toEqual({ dryRun: false, counts: { devices: 0, certificates: 2, unchanged: 0 } });
    expect(await statusesOf(holders)).toEqual(Array(2).fill(['active', 'revoked']));
    expect((await eventsAfter(before))[0]).toMatchObject({
      action: 'certificates.revoked',
      data: { reason: 'superseded', certificates: foretold.certificates },
    });
    const again = await changeListed(service, '/certificates/revoke', list);
    expect(again.result).toMatchObject({ counts: { certificates: 0, unchanged: 2 } });
  });

  it('are left alone where one of them is not there, or the list is longer than was said', async () => {
    const { holders } = await fleet(2);
    const list = holders.map(({ serialNumber }) => ({ serialNumber }));
    const unknown = await changeListed(service, '/certificates/revoke', [...list, { serialNumber: '0102' }]);
    expect(unknown.problem).toMatchObject({
      code: 'list_refused',
      errors: [{ line: 3, code: 'serial_number_unknown' }],
    });
    const { problem } = await changeListed(service, '/certificates/revoke?atMost=1', list);
    expect(problem?.code).toBe('bulk_unconfirmed');
    expect(await statusesOf(holders)).toEqual(Array(2).fill(['active', 'active']));
  });

  it('are revoked one by one as well, for good', async () => {
    const { holders } = await fleet(1);
    const [holder] = holders;
    const path = `/certificates/${holder?.serialNumber}`;
    const { status, body } = await service.operator<Problem>('POST', `${path}/revoke`, {
      reason: 'affiliationChanged',
    });
    expect([status, body]).toMatchObject([200, { status: 'revoked', reason: 'affiliationChanged' }]);
    await service.operator('POST', `${path}/revoke`, { reason: 'superseded' });
    expect((await service.operator('GET', path)).body).toMatchObject({ reason: 'affiliationChanged' });
    // Suspended and resumed with its device, a revoked certificate stays what it is.
    for (const action of ['suspend', 'resume']) {
      await service.operator('POST', `/devices/${holder?.deviceId}/${action}`);
    }
    expect(await statusesOf(holders)).toEqual([['active', 'revoked']]);
    expect((await service.operator<Problem>('POST', '/certificates/0102/revoke', {})).body.code).toBe(
      'serial_number_unknown',
    );
  });

  it('are listed page by page, and by what is asked of them', async () => {
    const { holders } = await fleet(3);
    const [first] = holders;
    await service.operator('POST', `/certificates/${first?.serialNumber}/revoke`, {});
    const found: string[] = [];
    let after = '';
    for (;;) {
      const { body } = await service.operator<{ items: { serialNumber: string }[]; next: string | null }>(
        'GET',
        `/certificates?status=revoked&device=${first?.deviceId}&limit=2${after}`,
      );
      found.push(...body.items.map(({ serialNumber }) => serialNumber));
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(found).toEqual([first?.serialNumber]);
  });
});

describe('what a CA issued', () => {
  it('is revoked whole, listeners aside; its devices are not revoked, and it takes an admin', async () => {
    const { body } = await service.operator<{ items: IssuerView[] }>('GET', '/issuers');
    const issuer = body.items.find(({ kind }) => kind === 'issuing')?.fingerprint;
    const path = `/issuers/${issuer}/revoke-certificates`;
    const { holders } = await fleet(2);
    await service.operator('POST', `/devices/${holders[1]?.deviceId}/suspend`);
    const foretold = await changeAll(service, path, { dryRun: true });
    const count = foretold.certificates.length;
    expect(foretold.certificates.map(({ serialNumber }) => serialNumber)).toEqual(
      expect.arrayContaining(holders.map(({ serialNumber }) => serialNumber)),
    );

    const clerk = await service.operator<{ token: string }>('POST', '/operators', {
      name: 'clerk',
      role: 'operator',
    });
    const terms = { atMost: count, reason: 'cACompromise' };
    expect((await changeAll(service, path, terms, clerk.body.token)).status).toBe(403);
    expect((await changeAll(service, path, { ...terms, atMost: count - 1 })).problem?.code).toBe(
      'bulk_unconfirmed',
    );
    const { result } = await changeAll(service, path, terms);
    expect(result).toEqual({ dryRun: false, counts: { devices: 0, certificates: count, unchanged: 0 } });
    expect(await statusesOf(holders)).toEqual([
      ['active', 'revoked'],
      ['suspended', 'revoked'],
    ]);
    const listed = await service.operator<{ items: { device: string | null; status: string }[] }>(
      'GET',
      '/certificates?limit=1000&status=active',
    );
    // Gatehouse's own, of its listeners and its OCSP responder: they go with a rollover.
    expect(listed.body.items.map(({ device }) => device)).toEqual([null, null, null]);
    await enrollHolder(service, holders[0]?.deviceId ?? '', { device: holders[0]?.deviceId ?? '' });
  });

  it('is not known of a CA that is not there', async () => {
    const { status, problem } = await changeAll(
      service,
      `/issuers/${'0'.repeat(64)}/revoke-certificates`,
      {},
    );
    expect([status, problem?.code]).toEqual([404, 'issuer_unknown']);
  });
});
