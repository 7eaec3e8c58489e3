// A client that connects, says two words and stays.
export function hold(SockJS, { base, transport, id }) {
  const socket = new SockJS(`${base}/hear?id=${id}`, undefined, { transports: [transport], timeout: 15_000 });
  socket.onopen = () => ['one', 'two'].forEach((word) => socket.send(word));
}
