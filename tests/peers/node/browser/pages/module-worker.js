if (location.search === '?client') await import('/.towpath/client.js');
const { talk } = await import('/pages/talk.js');
postMessage(await talk());
