/** Connects, with a full handshake or a resumed one, and what a connection that does nothing costs. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '../harness/server-process.ts';
import { type Identity, Session, type Target } from '../harness/session.ts';

export interface Connects {
  readonly perSecond: number;
  /** Processor time of the broker for one. */
  readonly cpuMilliseconds: number;
  readonly serverBusy: number;
  /** Where it is near 1, the load was the limit: its side of a handshake costs as much as the broker's. */
  readonly loadBusy: number;
}

export interface ConnectsOptions {
  readonly target: Target;
  readonly server: ServerProcess;
  readonly identities: readonly Identity[];
  readonly count: number;
  /** At most as many as there are identities: a second connection of one would take the first one over. */
  readonly atOnce: number;
  readonly resumed: boolean;
  readonly signal: AbortSignal;
}

export async function measureConnects(options: ConnectsOptions): Promise<Connects> {
  const { target, server, identities, count, atOnce, resumed, signal } = options;
  const tickets = resumed ? await collectTickets(target, identities) : [];
  const lanes = Math.min(atOnce, identities.length);
  let left = count;
  const [usage, own, start] = [server.usage(), process.cpuUsage(), performance.now()];
  await Promise.all(
    Array.from({ length: lanes }, async (_none, lane) => {
      // Each lane has identities of its own, however far the others are.
      for (let place = lane; left > 0; place = place + lanes < identities.length ? place + lanes : lane) {
        left -= 1;
        signal.throwIfAborted();
        const identity = identities[place];
        if (identity === undefined) continue;
        const ticket = tickets[place];
        const session = await Session.open({ target, identity, ...(ticket !== undefined && { ticket }) });
        if (resumed && !session.socket.isSessionReused()) throw new Error('A session was not resumed');
        await session.close();
      }
    }),
  );
  const seconds = (performance.now() - start) / 1_000;
  const cpuSeconds = server.usage().cpuSeconds - usage.cpuSeconds;
  const spent = process.cpuUsage(own);
  return {
    perSecond: count / seconds,
    cpuMilliseconds: (cpuSeconds * 1_000) / count,
    serverBusy: cpuSeconds / seconds,
    loadBusy: (spent.user + spent.system) / 1e6 / seconds,
  };
}

async function collectTickets(target: Target, identities: readonly Identity[]): Promise<Buffer[]> {
  const tickets: Buffer[] = [];
  for (const identity of identities) {
    const session = await Session.open({ target, identity });
    // With TLS 1.3 tickets come after the handshake, and may have come before CONNACK.
    const known = session.socket.getSession();
    if (known === undefined) await once(session.socket, 'session');
    tickets.push(session.socket.getSession() ?? Buffer.alloc(0));
    await session.close();
  }
  return tickets;
}

export interface IdleOptions {
  readonly target: Target;
  readonly server: ServerProcess;
  readonly identities: readonly Identity[];
  readonly atOnce: number;
  /** Waited before memory is read, and again while nobody says anything. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

export interface Idle {
  /** Of resident memory, for one connection. */
  readonly bytesEach: number;
  /** Processor time of the broker, as a share of a core, while nobody says anything. */
  readonly serverBusy: number;
}

export async function measureIdle(options: IdleOptions): Promise<Idle> {
  const { target, server, identities, atOnce, milliseconds, signal } = options;
  const before = server.usage().residentBytes;
  const sessions: Session[] = [];
  const waiting = identities.values();
  try {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const identity of waiting) {
          signal.throwIfAborted();
          sessions.push(await Session.open({ target, identity }));
        }
      }),
    );
    await pause(milliseconds, undefined, { signal });
    const usage = server.usage();
    await pause(milliseconds, undefined, { signal });
    const after = server.usage();
    return {
      bytesEach: (after.residentBytes - before) / identities.length,
      serverBusy: (after.cpuSeconds - usage.cpuSeconds) / (milliseconds / 1_000),
    };
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}
