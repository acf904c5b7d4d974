/** What `gatehouse up` tells people: lines that can be copied into a shell as they stand. */
import { describe, expect, it } from '@jest/globals';
import { renderAnnouncement } from '../../cli/up/announcement.ts';

const announcement = {
  ready: true,
  enrollUrl: 'https://localhost:8443',
  statusUrl: 'http://localhost:8080',
  adminUrl: 'https://localhost:9443',
  mqttUrl: 'mqtts://localhost:8883',
  caFile: "/home/o'neil/my data/public/root.pem",
  caFingerprint: 'AB:CD',
  adminTokenFile: '/home/data/operator/token',
  token: 'ghe_x',
} as const;
const names = { gatehouse: 'node bin/gatehouse.js', simulator: 'node bin/gatehouse-sim.js' };

describe('what up tells people', () => {
  it('calls the executables as they can be called here, with paths that a shell takes', () => {
    const text = renderAnnouncement(announcement, null, names, 'my data');
    expect(text).toContain(
      [
        `  node bin/gatehouse-sim.js run --url https://localhost:8443 --ca '/home/o'\\''neil/my data/public/root.pem' \\`,
        '    --token ghe_x --id device-1 --state ./device-1',
        "  node bin/gatehouse.js device list --data 'my data'",
        "  node bin/gatehouse.js device revoke device-1 --data 'my data'",
      ].join('\n'),
    );
  });

  it('leaves out --data where commands find the folder by themselves', () => {
    const text = renderAnnouncement(announcement, null, names, undefined);
    expect(text).toContain('\n  node bin/gatehouse.js device list\n');
  });

  it('says why there is no token, and how to get one', () => {
    const without = { ...announcement, token: null };
    const text = renderAnnouncement(without, 'no admin', names, undefined);
    expect(text).toMatch(/enrollment token +none: no admin\n/);
    expect(text).toContain('\n  node bin/gatehouse.js token create\n  node bin/gatehouse-sim.js run ');
    expect(text).toContain('--token TOKEN --id device-1');
  });

  it('tells how to create a token where none was wanted', () => {
    const text = renderAnnouncement({ ...announcement, token: null }, null, names, undefined);
    expect(text).toMatch(/enrollment token +none yet\n +CRL/);
    expect(text).toContain('\n  node bin/gatehouse.js token create\n');
  });

  it('shows the fingerprint of the trust anchor, to compare it by', () => {
    expect(renderAnnouncement(announcement, null, names, undefined)).toMatch(/its SHA-256 +AB:CD\n/);
  });
});
