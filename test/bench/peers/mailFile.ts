// A finished message in a file, as smtp-source reads it.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { fileOf, type RecipeName, recipeOf } from "../recipes.ts";

/** Writes it to a temporary folder, which `stop` removes. */
export async function writeMail(name: RecipeName): Promise<{ path: string; recipients: number; stop(): Promise<void> }> {
  const folder = await temporaryFolder({ name: "bench-mail" });
  const path = join(folder.path, "mail");
  const recipe = recipeOf(name);
  await writeFile(path, await fileOf(recipe));
  return { path, recipients: recipe.content.to.length, stop: folder.remove };
}
