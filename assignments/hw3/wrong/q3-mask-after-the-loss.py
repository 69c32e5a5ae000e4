# hint: which positions does your loss ever see
def token_loss(z, labels):
    leaf = z.detach().clone().requires_grad_()
    keep = labels != -100
    each = F.cross_entropy(leaf.transpose(1, 2), labels, reduction="none")
    total = torch.where(keep, each, torch.zeros_like(each)).sum()
    loss = total / keep.sum().clamp(min=1)
    loss.backward()
    return loss.detach(), leaf.grad
