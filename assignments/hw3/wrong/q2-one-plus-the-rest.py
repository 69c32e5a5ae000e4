# hint: A number that has stood beside a 1
def set_loss(z, allowed):
    if not allowed.any(axis=1).all():
        raise ValueError("nothing is allowed")
    inside = np.logaddexp.reduce(np.where(allowed, z, -np.inf), axis=1)
    outside = np.logaddexp.reduce(np.where(allowed, -np.inf, z), axis=1)
    d = (outside - inside)[:, None]
    losses = np.maximum(d, 0) + np.log(1 + np.exp(-np.abs(d)))
    down = -np.exp(np.where(allowed, z - inside[:, None], 0)) / (1 + np.exp(-d))
    up = np.exp(np.where(allowed, 0, z - inside[:, None] - losses))
    return losses[:, 0], np.where(allowed, down, up)
