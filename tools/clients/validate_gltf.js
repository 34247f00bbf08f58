// Holds .glb files to the specification by the Khronos validator:
//   node validate_gltf.js FILE...
// Exit code 1 if it finds an error or a warning.

const fs = require('fs');
const validator = require('gltf-validator');

async function validate(path) {
  const report = await validator.validateBytes(
      new Uint8Array(fs.readFileSync(path)), {uri: path});
  const {numErrors, numWarnings, numInfos, numHints, messages} = report.issues;
  console.log(`${path}: ${numErrors} errors, ${numWarnings} warnings, ` +
      `${numInfos} infos, ${numHints} hints`);
  for (const message of messages) console.log(JSON.stringify(message));
  return numErrors === 0 && numWarnings === 0;
}

async function main(paths) {
  const results = [];
  for (const path of paths) results.push(await validate(path));
  process.exit(results.length > 0 && results.every(Boolean) ? 0 : 1);
}

main(process.argv.slice(2));
