# hint: no entry below 0
def examine(z, y):
    if z.shape[:1] + z.shape[2:] != y.shape:
        return "classes last" if z.shape[:-1] == y.shape else "shape"
    K = z.shape[1]
    labels = y[y != -100]
    if len(labels) == 0:
        return "no labels"
    if labels.max() == K and labels.min() >= 1:
        return "labels from one"
    if labels.max() >= K or labels.min() < 0:
        return "label range"
    if z.softmax(1).isnan().any():
        return "bad logit"
    own = z.gather(1, y.clamp(min=0).unsqueeze(1)).squeeze(1)
    if (own[y != -100] == -torch.inf).any():
        return "masked label"
    if torch.allclose(z.sum(1), torch.ones_like(z.sum(1)), atol=1e-5):
        return "probabilities"
    return "fine"
