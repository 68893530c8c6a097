// One installation of several processes: what they have in common is said once.
import type { AtEnd } from "./atEnd.ts";
import { type Gateway, startGateway } from "./gateway.ts";

/**
 * Returns a function that starts one more process of the installation, in a role of its own, and has it stopped at the end of the test.
 * @param common the environment and the `postern.yaml` of all; a process's own environment wins
 */
export function installationOf(
  atEnd: AtEnd,
  common: { env: Record<string, string>; config?: string },
): (role: "api" | "worker", env?: Record<string, string>) => Promise<Gateway> {
  return async (role, env = {}) => {
    const gateway = await startGateway({ ...common, env: { ...common.env, ...env }, args: ["--role", role] });
    atEnd(() => gateway.stop());
    return gateway;
  };
}
