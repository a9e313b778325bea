// Before the first paint, so that nothing flashes.
try {
  const theme = localStorage.getItem('sv0-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Without storage the system's theme holds.
}
