using Engine.Tensors;

namespace Engine.Backends;

/// <summary>What every device says of a tensor that is used after its end.</summary>
internal static class DisposedTensor
{
    public static ObjectDisposedException Exception => new(nameof(Tensor),
        "the memory of a tensor was disposed, or the tape, inference or optimizer that it belongs to. Dispose it after its last use.");
}
