using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>A cuDNN call failed.</summary>
/// <param name="status">The returned status.</param>
/// <param name="subject">The device, or the call.</param>
/// <param name="reason">What cuDNN says about it.</param>
internal sealed class CudnnException(cudnnStatus status, string subject, string reason) : CudaException(subject, reason, (int)status);

/// <summary>
/// The cuDNN descriptors of one build: created, described attribute by attribute, and finalized. Disposal destroys all of them except those
/// that were taken, the last created first.
/// </summary>
/// <param name="cudnn">cuDNN.</param>
/// <param name="record">
/// Receives what is created and set, handles excepted and descriptors by their number: the same drawing gives the same bytes in every process.
/// </param>
internal sealed unsafe class Descriptors(Cudnn cudnn, Sha256Hash? record = null) : IDisposable
{
    private readonly List<nint> _made = [];
    private Sha256Hash? _record = record;

    /// <summary>Creates a descriptor, to be described and then finalized.</summary>
    public nint New(cudnnBackendDescriptorType kind)
    {
        nint descriptor;
        Check(cudnn.cudnnBackendCreateDescriptor(kind, &descriptor), $"cudnnBackendCreateDescriptor({kind})");
        _made.Add(descriptor);
        Record((int)kind);
        return descriptor;
    }

    /// <summary>Sets an attribute to one or several values.</summary>
    public void Set<T>(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type, params ReadOnlySpan<T> values) where T : unmanaged
    {
        fixed (T* elements = values)
            Check(cudnn.cudnnBackendSetAttribute(descriptor, name, type, values.Length, elements), $"cudnnBackendSetAttribute({name})");
        if (_record is null || type == cudnnBackendAttributeType.CUDNN_TYPE_HANDLE)
            return;
        Record(_made.IndexOf(descriptor), (int)name, (int)type, values.Length);
        if (type != cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR)
        {
            _record.Add(MemoryMarshal.AsBytes(values));
            return;
        }
        foreach (nint part in MemoryMarshal.Cast<T, nint>(values))
            Record(_made.IndexOf(part));
    }

    public void Set(nint descriptor, cudnnBackendAttributeName name, params ReadOnlySpan<long> values) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_INT64, values);

    public void Set(nint descriptor, cudnnBackendAttributeName name, float value) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_FLOAT, value);

    public void Set(nint descriptor, cudnnBackendAttributeName name, cudnnDataType value) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_DATA_TYPE, value);

    /// <summary>Sets an attribute to one or several descriptors, which must be finalized.</summary>
    public void SetParts(nint descriptor, cudnnBackendAttributeName name, params ReadOnlySpan<nint> parts) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR, parts);

    /// <summary>Sets an attribute to a text that ends in its zero.</summary>
    public void SetText(nint descriptor, cudnnBackendAttributeName name, ReadOnlySpan<byte> text) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_CHAR, text);

    /// <summary>Finalizes a descriptor: from now on it can be used, and not be changed.</summary>
    public nint Finish(nint descriptor)
    {
        Check(cudnn.cudnnBackendFinalize(descriptor), "cudnnBackendFinalize");
        return descriptor;
    }

    /// <summary>The number of an attribute's values.</summary>
    public long Count(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type)
    {
        long count = 0;
        Check(cudnn.cudnnBackendGetAttribute(descriptor, name, type, 0, &count, null), $"cudnnBackendGetAttribute({name})");
        return count;
    }

    /// <summary>
    /// Gets an attribute's values. If they are descriptors, the array must contain created descriptors, which are then filled.
    /// </summary>
    /// <returns>The number of values.</returns>
    public int Get<T>(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type, Span<T> values) where T : unmanaged
    {
        long count = 0;
        fixed (T* elements = values)
            Check(cudnn.cudnnBackendGetAttribute(descriptor, name, type, values.Length, &count, elements), $"cudnnBackendGetAttribute({name})");
        return (int)Math.Min(count, values.Length);
    }

    /// <summary>The only value of an attribute.</summary>
    public T Get<T>(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type) where T : unmanaged
    {
        T value = default;
        Get(descriptor, name, type, new Span<T>(ref value));
        return value;
    }

    /// <summary>A text as cuDNN gives it, its final zero included.</summary>
    public byte[] Text(nint descriptor, cudnnBackendAttributeName name)
    {
        var text = new byte[Count(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_CHAR)];
        return text[..Get<byte>(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_CHAR, text)];
    }

    /// <summary>Transfers ownership of a descriptor to the caller, who destroys it.</summary>
    public nint Take(nint descriptor)
    {
        _made.Remove(descriptor);
        return descriptor;
    }

    public void Dispose()
    {
        for (int i = _made.Count - 1; i >= 0; i--)
            cudnn.cudnnBackendDestroyDescriptor(_made[i]);
        _made.Clear();
    }

    /// <summary>What is created and set from now on is not recorded.</summary>
    public void StopRecording() => _record = null;

    private void Record(params ReadOnlySpan<int> numbers) => _record?.Add(MemoryMarshal.AsBytes(numbers));

    private void Check(cudnnStatus status, string call)
    {
        if (status != cudnnStatus.CUDNN_STATUS_SUCCESS)
            throw new CudnnException(status, call, cudnn.LastError(status));
    }
}
