# hint: A row with none raises a ValueError
def set_loss(z, allowed):
    inside = np.logaddexp.reduce(np.where(allowed, z, -np.inf), axis=1)
    outside = np.logaddexp.reduce(np.where(allowed, -np.inf, z), axis=1)
    losses = np.logaddexp(0, outside - inside)
    log_rest = -np.logaddexp(0, inside - outside)
    up = z - (inside + losses)[:, None]
    down = z + (log_rest - inside)[:, None]
    return losses, np.where(allowed, -1, 1) * np.exp(np.where(allowed, down, up))
