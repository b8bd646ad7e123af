// npm radius: one request, and, if it is challenged, a second with the State it was given.
// Usage: node_radius.js ADDRESS PORT; standard input has the secret, the name, the password and the code, a line each.
"use strict";
const dgram = require("dgram");
const radius = require("radius");

const [secret, name, password, code] = require("fs").readFileSync(0, "utf8").split("\n");
const [address, port] = process.argv.slice(2);
const socket = dgram.createSocket("udp4");
let request;

function ask(field, more) {
  request = radius.encode({
    code: "Access-Request",
    secret,
    add_message_authenticator: true,
    attributes: [["NAS-IP-Address", "127.0.0.1"], ["User-Name", name], ["User-Password", field], ...more],
  });
  socket.send(request, 0, request.length, Number(port), address);
}

socket.on("message", (response) => {
  const reply = radius.decode({ packet: response, secret });
  const sound = radius.verify_response({ request, response, secret });
  console.log(sound ? reply.code : `${reply.code} with a bad signature`);
  if (sound && reply.code === "Access-Challenge") ask(code, [["State", reply.attributes.State]]);
  else socket.close();
});

ask(password, []);
