// What splat_pictures_test.js asks of Spark, a renderer of Gaussians for
// three.js, in a page.

import * as THREE from 'three';
import {SparkRenderer, SplatMesh} from '@sparkjsdev/spark';

const PATIENCE = 120000;  // milliseconds

// The picture of a file of Gaussians on white, as a data URL. `turned` says that
// the file's y points down: it is turned half about z.
window.picture = async ({file, turned, world_from_camera, fov_y, size}) => {
  const renderer = new THREE.WebGLRenderer({preserveDrawingBuffer: true});
  renderer.setSize(size, size);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(1, 1, 1);
  // As Gaussians of Kerbl et al. 2023 are drawn: widened by 0.3 square pixels,
  // in the order of their depths.
  const spark = new SparkRenderer(
      {renderer, preBlurAmount: 0.3, sortRadial: false});
  scene.add(spark);
  const splats = new SplatMesh({url: file});
  await splats.initialized;
  if (turned) splats.rotation.z = Math.PI;
  scene.add(splats);
  const camera = new THREE.PerspectiveCamera(fov_y * 180 / Math.PI, 1, 0.01,
                                             100);
  new THREE.Matrix4().set(...world_from_camera).decompose(
      camera.position, camera.quaternion, camera.scale);
  // A worker sorts: what is drawn while it does is in no order.
  const start = performance.now();
  do {
    if (performance.now() - start > PATIENCE) throw new Error('never sorted');
    renderer.render(scene, camera);
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (spark.activeSplats < splats.numSplats || spark.sorting ||
           spark.dirty);
  renderer.render(scene, camera);
  const url = renderer.domElement.toDataURL('image/png');
  renderer.dispose();
  renderer.forceContextLoss();
  return url;
};
