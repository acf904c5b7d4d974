/** Manufacturers over HTTP. Times are ISO 8601 in UTC; certificates are PEM. */
import type { FactoryAdmission, IdSource } from '../enrollment/factory-rule.ts';
import type { EntityName, Fingerprint } from '../ids.ts';

/** PUT /api/v1/manufacturers/NAME */
export interface ManufacturerRequest {
  readonly group?: string | null;
  readonly idFrom?: IdSource;
  readonly idPrefix?: string;
  readonly admit?: FactoryAdmission;
  /** PEM of the CA certificates. */
  readonly certificates: string;
}

export interface ManufacturerView {
  readonly name: EntityName;
  /** Null: any, where only imported devices are admitted. */
  readonly group: EntityName | null;
  readonly idFrom: IdSource;
  readonly idPrefix: string;
  readonly admit: FactoryAdmission;
  readonly changedAt: string;
  readonly certificates: readonly {
    readonly subject: string;
    readonly fingerprint: Fingerprint;
    readonly notAfter: string;
    /** Whether factory certificates must lead to this one; the others are there to validate it. */
    readonly anchor: boolean;
    readonly pem: string;
  }[];
}
