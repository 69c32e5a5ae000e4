# hint: Is yours a total
def cost(counts, q):
    shares = counts / counts.sum(axis=-1, keepdims=True)
    needed = np.where(counts > 0, q, 1.0)
    with np.errstate(divide="ignore"):
        return -(shares * np.log(needed)).sum(axis=-1)
