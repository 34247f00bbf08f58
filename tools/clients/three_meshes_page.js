// What three_meshes_test.js asks of three.js in a page.

import * as THREE from 'three';
import {GLTFLoader} from 'three/addons/loaders/GLTFLoader.js';

const files = new Map();

async function load(file) {
  if (!files.has(file)) {
    const gltf = await new GLTFLoader().loadAsync(`/samples/${file}`);
    const mixer = new THREE.AnimationMixer(gltf.scene);
    for (const clip of gltf.animations) mixer.clipAction(clip).play();
    files.set(file, {scene: gltf.scene, mixer});
  }
  return files.get(file);
}

async function at(file, seconds) {
  const {scene, mixer} = await load(file);
  mixer.setTime(seconds);
  scene.updateMatrixWorld(true);
  return scene;
}

window.corners = async (file, seconds) => {
  const scene = await at(file, seconds);
  const positions = [];
  scene.traverse((mesh) => {
    if (!mesh.isMesh || Math.abs(mesh.matrixWorld.determinant()) < 1e-9) return;
    const place = new THREE.Vector3();
    const {index} = mesh.geometry;
    for (let i = 0; i < index.count; ++i) {
      mesh.getVertexPosition(index.getX(i), place);
      positions.push(...place.applyMatrix4(mesh.matrixWorld));
    }
  });
  return positions;
};

window.picture = async ({file, seconds, world_from_camera, fov_y, size}) => {
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(1, 1, 1);
  scene.add(await at(file, seconds));
  const degrees = fov_y * 180 / Math.PI;
  const camera = new THREE.PerspectiveCamera(degrees, 1, 0.01, 100);
  camera.matrixAutoUpdate = false;
  camera.matrix.set(...world_from_camera);
  camera.matrixWorldNeedsUpdate = true;
  const renderer = new THREE.WebGLRenderer(
      {antialias: true, preserveDrawingBuffer: true});
  renderer.setSize(size, size);
  renderer.render(scene, camera);
  const url = renderer.domElement.toDataURL('image/png');
  renderer.dispose();
  renderer.forceContextLoss();
  return url;
};
