// The service worker: shows what is pushed, and opens the order on a click. It keeps nothing, so no page gets old.
self.addEventListener('push', (event) => event.waitUntil(show(event.data.json())));

/** Show a message, unless a later one of its order is shown already: then that one stays. */
async function show(message) {
  const shown = await self.registration.getNotifications({ tag: message.order_id });
  const later = shown.map((notification) => notification.data).find((data) => data.version > message.version);
  const { title, body, lang, order_id: tag } = later ?? message;
  await self.registration.showNotification(title, { body, lang, tag, data: later ?? message });
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { order_id: order, restaurant_id: restaurant } = event.notification.data;
  event.waitUntil(self.clients.openWindow(`/?r=${encodeURIComponent(restaurant)}#pedido/${encodeURIComponent(order)}`));
});
