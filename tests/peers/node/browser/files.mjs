// Where things are. The scripts may be linked to from elsewhere; the client is found from where they really are.
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const here = realpathSync(import.meta.dirname);

export const CLIENT = join(here, '../../../../fallback/client/towpath.js');
export const PAGES = join(here, 'pages');
export const SOCKJS_PAGES = join(here, '../sockjs/pages');
export const SOCKJS_CLIENT = createRequire(import.meta.url).resolve('sockjs-client/dist/sockjs.min.js');
