// Which transports can be forced where. xdr-streaming and xdr-polling are Internet Explorer's alone; the iframes are for
// pages of other origins than the service's, htmlfile is for those of its own.
export const NODE = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'];
export const CHROMIUM = {
  here: ['websocket', 'xhr-streaming', 'eventsource', 'htmlfile', 'xhr-polling'],
  elsewhere: [
    ...['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'],
    ...['iframe-eventsource', 'iframe-htmlfile', 'iframe-xhr-polling', 'jsonp-polling'],
  ],
};
