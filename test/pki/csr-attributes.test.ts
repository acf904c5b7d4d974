/** The attributes of a request: what is read of them, and what is refused. */
import { describe, expect, it } from '@jest/globals';
import { parseCsr } from '../../core/pki/csr.ts';
import {
  type Asn1,
  boolean,
  emptySet,
  encoded,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from '../../core/pki/der.ts';
import { oids } from '../../core/pki/oids.ts';
import { refusalOf } from './refusal.ts';
import { buildRequest } from './request-builder.ts';
import { generateKeyPair } from './test-authority.ts';

const { privateKey } = generateKeyPair('ec-p256');
const attributesOf = (...attributes: readonly Asn1[]) =>
  parseCsr(buildRequest({ privateKey, attributes: implicit(0, ...attributes) })).attributes;
const refusal = (...attributes: readonly Asn1[]) => refusalOf(() => attributesOf(...attributes));
const attribute = (type: string, values: Asn1) => sequence(objectIdentifier(type), values);
/** A string of any type, by its tag. */
const text = (tag: number, value: string) =>
  encoded(Buffer.concat([Buffer.of(tag, value.length), Buffer.from(value)]));
const two = (first: string, second: string) =>
  encoded(
    Buffer.concat([
      Buffer.of(0x31, 6),
      Buffer.of(0x0c, 1),
      Buffer.from(first),
      Buffer.of(0x0c, 1),
      Buffer.from(second),
    ]),
  );

describe('challengePassword', () => {
  it.each([0x0c, 0x13, 0x14, 0x16])('is read from a string of type 0x%x', (tag) => {
    const { challengePassword, types } = attributesOf(
      attribute(oids.challengePassword, setOf(text(tag, 'c2VjcmV0'))),
    );
    expect(Buffer.from(challengePassword ?? []).toString()).toBe('c2VjcmV0');
    expect([...types]).toEqual([oids.challengePassword]);
  });

  it('is null where it is absent, with the attributes left out or empty', () => {
    for (const attributes of [null, implicit(0)]) {
      expect(parseCsr(buildRequest({ privateKey, attributes })).attributes.challengePassword).toBeNull();
    }
  });

  it('is refused twice, with two values or with none (RFC 2985 §5.4.1)', () => {
    const once = attribute(oids.challengePassword, setOf(utf8String('a')));
    expect(refusal(once, once)).toBe('csr_malformed');
    expect(refusal(attribute(oids.challengePassword, two('a', 'b')))).toBe('csr_malformed');
    expect(refusal(attribute(oids.challengePassword, emptySet()))).toBe('csr_malformed');
  });
});

describe('extensionRequest', () => {
  it('tells which extensions are asked for, known or not, critical or not', () => {
    const extension = (oid: string) =>
      sequence(objectIdentifier(oid), boolean(true), octetString(Buffer.of(0x30, 0)));
    const request = sequence(extension(oids.subjectAltName), extension('1.2.3.4'));
    const { extensions } = attributesOf(attribute(oids.extensionRequest, setOf(request)));
    expect([...extensions]).toEqual([oids.subjectAltName, '1.2.3.4']);
  });

  it('gives the value of the subjectAltName, which is not looked into', () => {
    const names = (...values: Uint8Array[]) =>
      attribute(
        oids.extensionRequest,
        setOf(
          sequence(
            ...values.map((value) => sequence(objectIdentifier(oids.subjectAltName), octetString(value))),
          ),
        ),
      );
    const nonsense = Buffer.from('nonsense');
    expect(attributesOf(names(nonsense)).subjectAltName).toEqual(Uint8Array.from(nonsense));
    expect(attributesOf(names()).subjectAltName).toBeNull();
    expect(attributesOf().subjectAltName).toBeNull();
    expect(refusal(names(nonsense, nonsense))).toBe('csr_malformed');
  });

  it('is refused where it holds no extensions', () => {
    for (const value of [integer(1), sequence(integer(1)), sequence(sequence())]) {
      expect(refusal(attribute(oids.extensionRequest, setOf(value)))).toBe('csr_malformed');
    }
  });
});

it('an attribute that is not a type and a set of values is refused', () => {
  for (const wrong of [
    integer(1),
    sequence(),
    sequence(objectIdentifier('1.2.3')),
    attribute('1.2.3', sequence()),
  ]) {
    expect(refusal(wrong)).toBe('csr_malformed');
  }
  expect(refusal(sequence(objectIdentifier('1.2.3'), emptySet(), emptySet()))).toBe('csr_malformed');
});

it('attributes that mean nothing here are let pass', () => {
  expect([...attributesOf(attribute('1.2.3', setOf(integer(1)))).types]).toEqual(['1.2.3']);
});
