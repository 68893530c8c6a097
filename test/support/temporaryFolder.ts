// Folders that live as long as one test server.
import { chmod, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Makes a new empty folder.
 * @param options.mode its permissions; others may enter only when a server gives up its rights and must still reach its files
 * @returns its path and a function that removes it with everything in it; calling that twice does no harm
 */
export async function temporaryFolder(options: { name: string; mode?: number }): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), `postern-test-${options.name}-`)));
  if (options.mode !== undefined) await chmod(path, options.mode);
  // A server that is just ending may still be writing, hence the retries.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return { path, remove };
}
