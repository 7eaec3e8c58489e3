if (location.search === '?client') importScripts('/.towpath/client.js');
import('/pages/talk.js').then(({ talk }) => talk()).then(postMessage);
