# hint: for a block that is all masked
def summarise(block):
    z = np.maximum(block, -1e9)
    m = z.max(axis=1)
    gap = m[:, None] - z
    return m, np.exp(-gap).sum(axis=1), (np.exp(-gap) * gap).sum(axis=1)
