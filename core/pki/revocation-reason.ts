/** Why a certificate stands no more: CRLReason of RFC 5280 §5.3.1, by its names and numbers. `removeFromCRL` is for delta CRLs alone. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type RevocationReason = keyof typeof revocationReasons;

const { certificateHold: _isWhatSuspensionDoes, ...forGood } = revocationReasons;

/** Those of a revocation, which is for good. */
export type FinalReason = keyof typeof forGood;
/**
 * Whether a revocation for `from` may become one for `to` (RFC 5280 §5.3.1): only for keyCompromise, when a key turns out
 * to be. Nobody is told afterwards that it was for less.
 */
export function raises(from: RevocationReason | null, to: RevocationReason): boolean {
  return to === 'keyCompromise' && from !== 'keyCompromise';
}

/** What an operator may give. */
export const finalReasons = Object.keys(forGood) as [FinalReason, ...FinalReason[]];
