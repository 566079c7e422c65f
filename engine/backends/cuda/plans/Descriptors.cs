using Engine.Backends.Cuda.Native;

namespace Engine.Backends.Cuda.Plans;

/// <summary>cuDNN refused a call.</summary>
/// <param name="status">Its answer.</param>
/// <param name="message">The call and what cuDNN says about it.</param>
internal sealed class CudnnException(cudnnStatus status, string message) : CudaException(message, (int)status);

/// <summary>
/// cuDNN's descriptors while something is built from them: made, described attribute by attribute, and made final. All of them go when
/// this is disposed, the youngest first, but those that were taken out.
/// </summary>
internal sealed unsafe class Descriptors(Cudnn cudnn) : IDisposable
{
    private readonly List<nint> _made = [];

    /// <summary>A new descriptor, to be described and then made final.</summary>
    public nint New(cudnnBackendDescriptorType kind)
    {
        nint descriptor;
        Check(cudnn.cudnnBackendCreateDescriptor(kind, &descriptor), $"cudnnBackendCreateDescriptor({kind})");
        _made.Add(descriptor);
        return descriptor;
    }

    /// <summary>Describes an attribute by one value or several.</summary>
    public void Set<T>(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type, params ReadOnlySpan<T> values) where T : unmanaged
    {
        fixed (T* elements = values)
            Check(cudnn.cudnnBackendSetAttribute(descriptor, name, type, values.Length, elements), $"cudnnBackendSetAttribute({name})");
    }

    public void Set(nint descriptor, cudnnBackendAttributeName name, params ReadOnlySpan<long> values) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_INT64, values);

    public void Set(nint descriptor, cudnnBackendAttributeName name, float value) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_FLOAT, value);

    public void Set(nint descriptor, cudnnBackendAttributeName name, cudnnDataType value) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_DATA_TYPE, value);

    /// <summary>A part, or several, which must be final.</summary>
    public void SetParts(nint descriptor, cudnnBackendAttributeName name, params ReadOnlySpan<nint> parts) =>
        Set(descriptor, name, cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR, parts);

    /// <summary>Makes a descriptor final: it can be used, and no longer described.</summary>
    public nint Finish(nint descriptor)
    {
        Check(cudnn.cudnnBackendFinalize(descriptor), "cudnnBackendFinalize");
        return descriptor;
    }

    /// <summary>How many values an attribute has.</summary>
    public long Count(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type)
    {
        long count = 0;
        Check(cudnn.cudnnBackendGetAttribute(descriptor, name, type, 0, &count, null), $"cudnnBackendGetAttribute({name})");
        return count;
    }

    /// <summary>Values of an attribute. Values that are descriptors must hold descriptors already, which are then filled.</summary>
    /// <returns>How many there are.</returns>
    public int Get<T>(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type, Span<T> values) where T : unmanaged
    {
        long count = 0;
        fixed (T* elements = values)
            Check(cudnn.cudnnBackendGetAttribute(descriptor, name, type, values.Length, &count, elements), $"cudnnBackendGetAttribute({name})");
        return (int)Math.Min(count, values.Length);
    }

    /// <summary>The one value of an attribute.</summary>
    public T Get<T>(nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type) where T : unmanaged
    {
        T value = default;
        Get(descriptor, name, type, new Span<T>(ref value));
        return value;
    }

    /// <summary>Keeps a descriptor: whoever takes it destroys it.</summary>
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

    private void Check(cudnnStatus status, string call)
    {
        if (status != cudnnStatus.CUDNN_STATUS_SUCCESS)
            throw new CudnnException(status, $"{call}: {cudnn.LastError(status)}");
    }
}
