// Usage: node hold.mjs HOST:PORT TRANSPORT ID
import SockJS from 'sockjs-client';
import { hold } from './pages/hold.js';

const [host, transport, id] = process.argv.slice(2);
hold(SockJS, { base: `http://${host}`, transport, id });
