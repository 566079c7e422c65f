using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeType;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendDescriptorType;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>Addresses by role, 0 for absent tensors; the workspace comes last.</summary>
internal readonly record struct Addresses(ulong X, ulong W, ulong Y, ulong Bias, ulong Addend, ulong Gate, ulong Workspace)
{
    public ulong this[Role role] => role switch
    {
        Role.X => X,
        Role.W => W,
        Role.Y => Y,
        Role.Bias => Bias,
        Role.Addend => Addend,
        _ => Gate,
    };

    /// <summary>The same addresses with another result.</summary>
    public Addresses WithResult(Direction direction, ulong result) => direction switch
    {
        Direction.Forward => this with { Y = result },
        Direction.BackwardData => this with { X = result },
        _ => this with { W = result },
    };
}

/// <summary>An operation graph bound to an engine, ready to run.</summary>
/// <param name="session">cuDNN.</param>
/// <param name="descriptor">The finalized execution plan, owned by this object.</param>
/// <param name="roles">The tensors that an execution must provide.</param>
/// <param name="choice">The engine.</param>
internal sealed unsafe class Plan(CudnnSession session, nint descriptor, IReadOnlyList<Role> roles, EngineChoice choice) : IDisposable
{
    /// <summary>
    /// Upper bound of the cached variant packs. A tape's plan runs at few addresses; past the bound the cache is cleared.
    /// </summary>
    private const int MostPacks = 256;

    private readonly Dictionary<Addresses, nint> _packs = [];

    /// <summary>The finalized execution plan.</summary>
    public nint Descriptor => descriptor;

    /// <summary>The engine and its settings.</summary>
    public EngineChoice Choice => choice;

    /// <summary>Workspace: memory needed besides its tensors.</summary>
    public long WorkspaceBytes { get; init; }

    /// <summary>Queues it on the device's stream. For addresses used before, it only makes the call.</summary>
    public void Run(in Addresses addresses)
    {
        if (!_packs.TryGetValue(addresses, out nint pack))
            pack = Pack(addresses);
        session.Check(session.Cudnn.cudnnBackendExecute(session.Handle, descriptor, pack), "cudnnBackendExecute");
    }

    public void Dispose()
    {
        DropPacks();
        session.Cudnn.cudnnBackendDestroyDescriptor(descriptor);
    }

    private nint Pack(in Addresses addresses)
    {
        if (_packs.Count >= MostPacks)
            DropPacks();
        Span<long> ids = stackalloc long[roles.Count];
        Span<ulong> pointers = stackalloc ulong[roles.Count];
        for (int i = 0; i < roles.Count; i++)
            (ids[i], pointers[i]) = ((long)roles[i], addresses[roles[i]]);

        using var descriptors = new Descriptors(session.Cudnn);
        nint pack = descriptors.New(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
        descriptors.Set<long>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids);
        descriptors.Set<ulong>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers);
        descriptors.Set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, addresses.Workspace);
        _packs[addresses] = descriptors.Take(descriptors.Finish(pack));
        return pack;
    }

    private void DropPacks()
    {
        foreach (nint pack in _packs.Values)
            session.Cudnn.cudnnBackendDestroyDescriptor(pack);
        _packs.Clear();
    }
}
