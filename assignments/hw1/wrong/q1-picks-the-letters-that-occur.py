# hint: let NumPy broadcast the others
def cost(counts, q):
    yes = counts > 0
    with np.errstate(divide="ignore"):
        return -(counts[yes] * np.log(q[..., yes])).sum(axis=-1)
