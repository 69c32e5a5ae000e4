# hint: a probability loses the second
def set_loss(z, allowed):
    if not allowed.any(axis=1).all():
        raise ValueError("nothing is allowed")
    e = np.exp(z - z.max(axis=1, keepdims=True))
    q = e / e.sum(axis=1, keepdims=True)
    in_set = np.where(allowed, q, 0)
    total = in_set.sum(axis=1, keepdims=True)
    return -np.log(total[:, 0]), q - in_set / total
