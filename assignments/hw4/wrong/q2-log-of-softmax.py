# hint: logits in the thousands
def move(z, old, new):
    q = np.exp(z - z.max(axis=1, keepdims=True)) * new / old
    with np.errstate(divide="ignore"):
        return np.log(q / q.sum(axis=1, keepdims=True))
