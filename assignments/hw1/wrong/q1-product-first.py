# hint: No product of the probabilities
def cost(counts, q):
    with np.errstate(divide="ignore"):
        return -np.log((q**counts).prod(axis=-1))
