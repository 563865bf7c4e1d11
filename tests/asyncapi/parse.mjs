// Reads an AsyncAPI document from standard input, and writes what is wrong with it as JSON.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const ERROR = 0; // DiagnosticSeverity of Spectral
const { document, diagnostics } = await new parser.Parser().parse(readFileSync(0, "utf8"));
const errors = diagnostics
  .filter(({ severity }) => severity === ERROR)
  .map(({ code, message, path }) => ({ code, message, path: path.join("/") }));
const channels = document ? document.channels().all().map((channel) => channel.id()) : [];
const messages = document ? document.messages().all().map((message) => message.name()) : [];
process.stdout.write(JSON.stringify({ errors, channels, messages }));
