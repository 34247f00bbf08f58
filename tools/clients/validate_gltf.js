// Holds .glb files to the specification by the Khronos validator:
//   node validate_gltf.js FILE...
// Exit code 1 if it finds an error or a warning beside those it is known to give
// wrongly.

const fs = require('fs');
const validator = require('gltf-validator');

// This version does not know KHR_gaussian_splatting and takes each of its
// attributes for an error.
const SPLATS = 'KHR_gaussian_splatting:';
const ATTRIBUTES = [
  'ROTATION', 'SCALE', 'OPACITY',
  'SH_DEGREE_0_COEF_0',
  'SH_DEGREE_1_COEF_0', 'SH_DEGREE_1_COEF_1', 'SH_DEGREE_1_COEF_2',
  'SH_DEGREE_2_COEF_0', 'SH_DEGREE_2_COEF_1', 'SH_DEGREE_2_COEF_2',
  'SH_DEGREE_2_COEF_3', 'SH_DEGREE_2_COEF_4',
  'SH_DEGREE_3_COEF_0', 'SH_DEGREE_3_COEF_1', 'SH_DEGREE_3_COEF_2',
  'SH_DEGREE_3_COEF_3', 'SH_DEGREE_3_COEF_4', 'SH_DEGREE_3_COEF_5',
  'SH_DEGREE_3_COEF_6',
].map((name) => SPLATS + name);

function isKnown({code, pointer}) {
  return code === 'MESH_PRIMITIVE_INVALID_ATTRIBUTE' &&
      ATTRIBUTES.includes(pointer.split('/').pop());
}

async function validate(path) {
  const report = await validator.validateBytes(
      new Uint8Array(fs.readFileSync(path)), {uri: path, maxIssues: 0});
  const {numErrors, numWarnings, numInfos, numHints} = report.issues;
  const messages = report.issues.messages.filter((m) => !isKnown(m));
  const known = report.issues.messages.length - messages.length;
  console.log(`${path}: ${numErrors} errors, ${numWarnings} warnings, ` +
      `${numInfos} infos, ${numHints} hints; ` +
      `${known} of them are known`);
  for (const message of messages) console.log(JSON.stringify(message));
  return !report.issues.truncated &&
      messages.every(({severity}) => severity > 1);
}

async function main(paths) {
  const results = [];
  for (const path of paths) results.push(await validate(path));
  process.exit(results.length > 0 && results.every(Boolean) ? 0 : 1);
}

main(process.argv.slice(2));
