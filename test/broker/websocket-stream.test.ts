/** A peer that goes on after it was told to end: nobody has to read all that it can send meanwhile. */
import { EventEmitter, once } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { WebSocketStream } from '../../broker/front/websocket-stream.ts';

const nothing = Buffer.alloc(0);

/** A WebSocket without a connection: what would go out is counted, and what would come in is emitted. */
function open() {
  const webSocket: WebSocket = Reflect.construct(WebSocket, [null, undefined, {}]);
  const close = jest.spyOn(webSocket, 'close').mockImplementation(() => {});
  const terminate = jest.spyOn(webSocket, 'terminate').mockImplementation(() => {});
  const violations: string[] = [];
  const stream = new WebSocketStream({ webSocket, onViolation: (detail) => violations.push(detail) });
  const sendEmpty = (event: string, count: number) => {
    for (let frame = 0; frame < count; frame++)
      EventEmitter.prototype.emit.call(webSocket, event, nothing, true);
  };
  return { close, terminate, violations, stream, sendEmpty };
}

describe('a peer that sends frames that carry nothing, without end', () => {
  it.each(['message', 'pong'])('is told once, and soon not read any more: %s', async (event) => {
    const { close, terminate, violations, stream, sendEmpty } = open();
    sendEmpty(event, 100);
    expect(violations).toEqual(['too many frames that carry nothing']);
    expect(close.mock.calls).toEqual([[1008, 'too many frames that carry nothing']]);
    expect(terminate).not.toHaveBeenCalled(); // it may have sent these before it could know
    sendEmpty(event, 1_000);
    expect([violations.length, stream.destroyed]).toEqual([1, true]);
    await once(stream, 'close');
    expect(terminate).toHaveBeenCalledTimes(1);
  });
});
