// Shows the page anew every 15 seconds, until told not to. Without this file the page is as good, and
// stays as it is.
'use strict';
{
  const EVERY = 15000;
  const button = document.createElement('button');
  button.type = 'button';
  let paused = false;
  const say = () => { button.textContent = paused ? 'Refresh by itself' : 'Stop refreshing'; };
  button.addEventListener('click', () => { paused = !paused; say(); });
  say();
  document.querySelector('header').append(button);

  const refresh = async () => {
    // Not while somebody fills in the form, or nobody looks.
    const busy = document.activeElement && document.activeElement.closest('form');
    if (paused || busy || document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.getElementById('listing');
      if (fresh) document.getElementById('listing').replaceWith(fresh);
    } catch {
      // The service is away for a moment: what is shown says until when it was counted.
    }
  };
  setInterval(refresh, EVERY);
}
