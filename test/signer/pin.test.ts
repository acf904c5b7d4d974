/** Logging in to a token: a token locks itself after a few wrong PINs, so tries are not to be wasted. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  CKF_TOKEN_INITIALIZED,
  CKF_USER_PIN_COUNT_LOW,
  CKF_USER_PIN_FINAL_TRY,
  CKF_USER_PIN_LOCKED,
} from '../../enroll/signer/pkcs11/constants.ts';
import { CryptokiError } from '../../enroll/signer/pkcs11/cryptoki.ts';
import { Pin } from '../../enroll/signer/pkcs11/pin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const file = join(folder, 'pin');

/** A token that takes `right` and tells `flags`. */
function tokenWith(right: string, flags = CKF_TOKEN_INITIALIZED) {
  const tried: string[] = [];
  const pin = new Pin(file);
  const enter = (given: string) => {
    writeFileSync(file, given);
    pin.enter(
      't',
      () => flags,
      (text) => {
        tried.push(text);
        if (text !== right) throw new CryptokiError('C_Login', new Error('CKR_PIN_INCORRECT'));
      },
    );
  };
  return { tried, enter };
}
const refused = (message: unknown) => expect.objectContaining({ code: 'pkcs11_pin_refused', message });

describe('the PIN', () => {
  it.each(['1234\n', '1234\r\n', '1234'])('%j in the file is 1234', (given) => {
    const { tried, enter } = tokenWith('1234');
    enter(given);
    expect(tried).toEqual(['1234']);
  });

  it('is tried once where it is wrong, and another one is tried when it is in the file', () => {
    const { tried, enter } = tokenWith('right');
    expect(() => enter('wrong')).toThrow(refused(expect.stringContaining('CKR_PIN_INCORRECT')));
    expect(() => enter('wrong')).toThrow(refused(expect.stringContaining('not tried again')));
    enter('right');
    enter('right');
    expect(tried).toEqual(['wrong', 'right', 'right']);
  });

  it.each([
    [CKF_USER_PIN_FINAL_TRY, 'the token "t" was not asked: one more wrong PIN locks it'],
    [
      CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW,
      'the token "t" was not asked: one more wrong PIN locks it',
    ],
    [CKF_USER_PIN_LOCKED, 'the token "t" was not asked: its PIN is locked'],
  ])('is not tried where a token tells %i', (flags, message) => {
    const { tried, enter } = tokenWith('right', flags | CKF_TOKEN_INITIALIZED);
    expect(() => enter('right')).toThrow(refused(message));
    expect(tried).toEqual([]);
  });

  it('is tried where some were wrong before', () => {
    const { tried, enter } = tokenWith('right', CKF_USER_PIN_COUNT_LOW);
    enter('right');
    expect(tried).toEqual(['right']);
  });

  it('is not blamed for what else goes wrong', () => {
    writeFileSync(file, 'right');
    const lost = new CryptokiError('C_Login', new Error('CKR_DEVICE_REMOVED'));
    const pin = new Pin(file);
    expect(() =>
      pin.enter(
        't',
        () => 0,
        () => {
          throw lost;
        },
      ),
    ).toThrow(lost);
    const tried: string[] = [];
    pin.enter(
      't',
      () => 0,
      (text) => tried.push(text),
    );
    expect(tried).toEqual(['right']);
  });
});
