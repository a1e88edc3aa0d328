// Dies before it is ready.
throw new Error('no thread today')
