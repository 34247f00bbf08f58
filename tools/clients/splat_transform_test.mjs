// splat_transform_test.mjs SPLAT_SAMPLES FOLDER: PlayCanvas's splat-transform,
// which SuperSplat is built on, finds every number of our PLY and SPZ files, and
// we find every number of its SPZ and GLB files, upright and unmirrored.

import assert from 'node:assert';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {expectGaussians, readSamples, turned, unit} from './splat_values.mjs';

const [samplesProgram, folder] = process.argv.slice(2);
const cli = path.join(process.env.NODE_PATH,
                      '@playcanvas/splat-transform/bin/cli.mjs');

function transform(input, output, ...options) {
  execFileSync('node', [cli, '-q', '-w', '-g', 'cpu', ...options,
                        path.join(folder, input), path.join(folder, output)],
               {stdio: ['ignore', 'ignore', 'inherit']});
}

// What its table of numbers says.
function readCsv(file) {
  const [header, ...rows] =
      fs.readFileSync(path.join(folder, file), 'utf8').trim().split('\n');
  const names = header.trim().split(',');
  return rows.map((row) => {
    const numbers = row.split(',').map(Number);
    const of = (name) => {
      const column = names.indexOf(name);
      assert(column >= 0, `${file} has no ${name}`);
      return numbers[column];
    };
    const rest = names.filter((name) => name.startsWith('f_rest_')).length / 3;
    const list = (name, count) =>
        Array.from({length: count}, (_, i) => of(`${name}${i}`));
    return {
      mean: ['x', 'y', 'z'].map(of),
      quaternion: unit(list('rot_', 4)),
      logScale: list('scale_', 3),
      opacity: 1 / (1 + Math.exp(-of('opacity'))),
      sh: [list('f_dc_', 3), ...Array.from({length: rest}, (_, k) => [0, 1, 2]
          .map((c) => of(`f_rest_${c * rest + k}`)))],
    };
  });
}

// What we read of `file`.
function readOurselves(file) {
  const json = path.join(folder, `${file}.read.json`);
  execFileSync(samplesProgram, ['read', path.join(folder, file), json]);
  return readSamples(json)[0];
}

for (let degree = 0; degree <= 3; ++degree) {
  const name = `degree${degree}`;
  const [ours] = readSamples(path.join(folder, `${name}.json`));
  const about = (axis) => ours.map((gaussian) => turned(gaussian, axis));

  // It takes every file of Gaussians for one with -y up and looks at it turned
  // half about z. Our PLY files are turned so already; SPZ has y up, and it
  // turns that half about x.
  transform(`${name}.ply`, `${name}.ply.csv`);
  expectGaussians(readCsv(`${name}.ply.csv`), about('z'), 'float', 'PLY');
  for (const version of [3, 4]) {
    transform(`${name}.v${version}.spz`, `${name}.v${version}.csv`);
    expectGaussians(readCsv(`${name}.v${version}.csv`), about('x'), 'spz',
                    `SPZ ${version}`);
  }

  // Its GLB files have the axes that it shows, y up: our PLY stands there as it
  // is, our SPZ looks the other way.
  transform(`${name}.ply`, `${name}.theirs.glb`);
  expectGaussians(readOurselves(`${name}.theirs.glb`), about('none'), 'float',
                  'their GLB of our PLY');
  transform(`${name}.v4.spz`, `${name}.turned.glb`);
  expectGaussians(readOurselves(`${name}.turned.glb`), about('y'), 'spz',
                  'their GLB of our SPZ');
  for (const version of [3, 4]) {
    const file = `${name}.theirs${version}.spz`;
    transform(`${name}.ply`, file, '--spz-version', `${version}`);
    expectGaussians(readOurselves(file), about('y'), 'spz',
                    `their SPZ ${version} of our PLY`);
  }
  expectGaussians(readOurselves(`${name}.glb`), ours, 'float', 'our GLB');
  console.log(`${name}: PLY, SPZ 3 and 4, GLB agree`);
}

// A comparison that accepts everything proves nothing.
const [ours] = readSamples(path.join(folder, 'degree1.json'));
for (const axis of ['x', 'y', 'z']) {
  assert.throws(() => expectGaussians(ours.map((g) => turned(g, axis)), ours,
                                      'spz', axis));
}
