# hint: A number that has stood beside a 1
def set_loss(z, allowed):
    if not allowed.any(axis=1).all():
        raise ValueError("nothing is allowed")
    whole = np.logaddexp.reduce(z, axis=1)
    part = np.logaddexp.reduce(np.where(allowed, z, -np.inf), axis=1)
    q = np.exp(z - whole[:, None])
    share = np.where(allowed, np.exp(z - part[:, None]), 0)
    return whole - part, q - share
