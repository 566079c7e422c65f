using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// Lets a unit that adds to its own result run any number of times: the numbers that were there are kept in scratch memory and put back. A unit
/// whose addend lies elsewhere needs none of it.
/// </summary>
internal sealed unsafe class KeptAddend : IDisposable
{
    private readonly Device _device;
    private readonly ulong _place, _copy;
    private readonly long _bytes;

    /// <param name="device">The device.</param>
    /// <param name="scratch">Its scratch memory; <see cref="ScratchUse.Result"/> is in use until disposal.</param>
    /// <param name="addend">The addend, or null.</param>
    /// <param name="result">The result.</param>
    /// <exception cref="DeviceMemoryException">There is no memory for the copy.</exception>
    public KeptAddend(Device device, Scratch scratch, Tensor? addend, Tensor result)
    {
        _device = device;
        _place = (ulong)Argument.Address(result);
        if (addend is null || (ulong)Argument.Address(addend) != _place)
            return;
        _bytes = (long)result.Shape.Count * result.Element.Bytes;
        _copy = scratch.Get(ScratchUse.Result, _bytes);
        Copy(_place, _copy);
    }

    /// <summary>Whether the addend lies where the result goes.</summary>
    public bool IsInPlace => _copy != 0;

    /// <summary>Puts the addend's numbers back.</summary>
    public void Restore()
    {
        if (IsInPlace)
            Copy(_copy, _place);
    }

    public void Dispose() => Restore();

    private void Copy(ulong from, ulong to) =>
        _device.Check(_device.Driver.cuMemcpyDtoDAsync_v2(to, from, (nuint)_bytes, _device.Stream), "cuMemcpyDtoDAsync");
}
