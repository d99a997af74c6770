// validate.js FILE: is it an OpenAPI document?  Says what is wrong and where.
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";

const validator = new Validator();
const res = await validator.validate(JSON.parse(readFileSync(process.argv[2], "utf8")));
if (!res.valid) {
  console.error(JSON.stringify(res.errors, null, 1).slice(0, 4000));
  process.exit(1);
}
console.log(`a valid OpenAPI ${validator.version} document`);
