#ifndef TOOLS_VIEWER_PROTOCOL_H_
#define TOOLS_VIEWER_PROTOCOL_H_

#include <cstddef>
#include <cstdint>

namespace dg4d::viewer {

// What the live viewer's server and its page say to each other.
//
// HTTP, on 127.0.0.1 only. T is a random token of 32 hexadecimal digits that
// the program prints as part of the page's address. 403 for what comes without
// it, for a Host that is not this machine (which is what a rebound name would
// send), and for an Origin that is not this server.
//
//   GET /?token=T            the page: one HTML with scripts and styles inside
//   GET /file/NAME?token=T   what messages name by "url": a fixed table, no
//   path GET /socket?token=T      the WebSocket
//
// Server to page: text frames, each a JSON object with "type".
//
//   hello    first: version, mode ("run" or "view"), name, stages [key ...],
//            exporters [{name, summary, path}], config (YAML)
//   state    state ("running", "paused", "stopping", "finished", "stopped" or
//            "failed"), stage, step, steps (0: unknown), eta_seconds (of the
//            stage; null: unknown), stage_seconds, message
//   metrics  rows [{stage, step, values {loss: 0.1, gaussians: 9341, ...}}]:
//            at first what has been, thinned to at most kMostMetricsRows a
//            stage, then what is new, at most five times a second. A value that
//            is no number is null.
//   warning  stage, message
//   image    name ("input" or "frame"), index, frames, fps, url: the picture
//            and the frames of the driving video, as PNG
//   cameras  reference (a camera; null: there is no picture), views
//            [camera ...] of the newest step. A camera: {world_from_camera [16,
//            row-major], fov_y (radians), width, height}, frames and units as
//            in dg4d/scene/camera.h
//   scene    stage, step, header (html::PlayerScene::header), bytes: the next
//            binary frame is its payload and has so many bytes. The newest
//            scene wins: a page that is slow skips scenes.
//   export   exporter, state ("running", "done" or "failed"), message (what was
//            written, or went wrong), url (null unless done: to download it, a
//            folder as .zip)
//   error    message: why a command was refused
//
// Page to server: text frames of at most kLongestCommand bytes.
//
//   {command: "pause" | "resume" | "stop"}        of a run; stop leaves a
//                                                 checkpoint, as Ctrl-C does
//   {command: "export", exporter: NAME}           the newest scene, to exports/
//                                                 in the run's folder, where a
//                                                 folder gets a .zip beside it
//   {command: "camera_path", path: {...}}         saves the path, as in
//                                                 dg4d/scene/camera_path.h, as
//                                                 camera_path.json in the run's
//                                                 folder; answered by `export`
//                                                 of exporter "camera_path"
//
// A page may come and go at any time; one that comes back is told everything
// anew. A frame that is too long, binary or broken closes its connection.
inline constexpr int kProtocolVersion = 1;
inline constexpr size_t kLongestCommand = 64 * 1024;  // bytes
inline constexpr size_t kMostMetricsRows = 2000;      // of a stage

}  // namespace dg4d::viewer

#endif  // TOOLS_VIEWER_PROTOCOL_H_
