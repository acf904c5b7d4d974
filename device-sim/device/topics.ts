/** The topics a device uses under the policy `device`: its own telemetry, status and commands, nothing else. */
import type { DeviceId } from '../../core/ids.ts';

export function deviceTopics(id: DeviceId) {
  return {
    telemetry: `devices/${id}/telemetry`,
    /** What a command was answered. */
    answers: `devices/${id}/telemetry/answers`,
    /** Retained, so that who subscribes later learns it; the will says "offline". */
    status: `devices/${id}/status`,
    commands: `devices/${id}/commands/#`,
  } as const;
}
