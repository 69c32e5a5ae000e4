# hint: a difference of two numbers near 1 loses them
def set_loss(z, allowed):
    if not allowed.any(axis=1).all():
        raise ValueError("nothing is allowed")
    inside = np.logaddexp.reduce(np.where(allowed, z, -np.inf), axis=1)
    outside = np.logaddexp.reduce(np.where(allowed, -np.inf, z), axis=1)
    q = np.exp(z - np.logaddexp(inside, outside)[:, None])
    share = np.exp(np.where(allowed, z - inside[:, None], -np.inf))
    return np.logaddexp(0, outside - inside), q - share
