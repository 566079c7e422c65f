using System.Runtime.CompilerServices;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>A device's implementation behind its <see cref="Backend"/>: the verbs, which trust their arguments.</summary>
internal interface IVerbs : IBackend
{
    /// <summary>
    /// Whether this device allocated the storage. Another backend could free the memory while a verb of this one reads it.
    /// </summary>
    bool Owns(IStorage storage);

    /// <summary>
    /// Frees the memory of disposed and unreachable tensors. Called while no verb runs: a running verb may still read it.
    /// </summary>
    void Reclaim();
}

/// <summary>
/// The public entry of every device. Each call is validated here, once: the backend is not disposed, no other thread is inside, no tensor
/// is missing or another backend's, and shapes fit each other. The verbs behind it check nothing again, except for disposed tensors.
/// </summary>
/// <remarks>
/// A running call keeps the backend reachable, so whatever the backend owns is finalized only when no verb runs. A tensor may become
/// unreachable, or be disposed by another thread, while a verb still reads it. Its memory is therefore only queued;
/// <see cref="IVerbs.Reclaim"/> frees it before a later verb starts.
/// </remarks>
public abstract partial class Backend : IBackend
{
    private readonly IVerbs _verbs;
    private int _caller;
    private volatile bool _isDisposed;

    private protected Backend(IVerbs verbs) => _verbs = verbs;

    /// <summary>Called with the name of each call: passes of tapes and verbs. For tests that count them.</summary>
    internal Action<string>? Entered { get; set; }

    /// <inheritdoc/>
    public string Name => _verbs.Name;

    /// <inheritdoc/>
    public Element Activations => _verbs.Activations;

    /// <inheritdoc/>
    public bool PrefersSubsampling => _verbs.PrefersSubsampling;

    /// <inheritdoc/>
    public Tensor Allocate(Shape shape)
    {
        using Call call = Enter();
        return _verbs.Allocate(shape.Count > 0 ? shape : throw new ShapeException("Allocate", "the shape has no extent", "Give it at least one extent."));
    }

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> from, Tensor to)
    {
        using Call call = Enter();
        call.Counts(from.Length, to);
        _verbs.Upload(from, to);
    }

    /// <inheritdoc/>
    public void Download(Tensor from, Span<float> to)
    {
        using Call call = Enter().OfActivations();
        call.Counts(to.Length, from);
        _verbs.Download(from, to);
    }

    /// <inheritdoc/>
    public IReplay Replay(Action verbs)
    {
        ArgumentNullException.ThrowIfNull(verbs);
        using Call call = Enter();
        return new CheckedReplay(this, _verbs.Replay(verbs));
    }

    /// <summary>Frees everything. A second call does nothing.</summary>
    /// <exception cref="InvalidOperationException">A call is still running. The backend stays usable.</exception>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        using (Call call = Enter())
        {
            if (call.IsNested)
            {
                throw new InvalidOperationException(
                    "Dispose: a call of this backend is still running on this thread (a replay, or what Enter began). Dispose the backend after it.");
            }
            _isDisposed = true;
            _verbs.Dispose();
        }
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    /// <remarks>The thread that is inside may enter again: a replay runs verbs.</remarks>
    public Call Enter([CallerMemberName] string what = "")
    {
        Entered?.Invoke(what);
        int thread = Environment.CurrentManagedThreadId;
        int caller = Interlocked.CompareExchange(ref _caller, thread, 0);
        if (caller == thread)
            return new Call(this, what, isNested: true);
        if (caller != 0)
        {
            throw new InvalidOperationException(
                $"{what}: another thread is inside this backend ({Name}), which takes one caller at a time. "
                + "Give each thread a backend of its own, or let the threads take turns with a lock.");
        }
        try
        {
            if (_isDisposed)
                throw new ObjectDisposedException(
                    GetType().Name, $"{what}: this backend ({Name}) was disposed. Dispose a backend after everything that runs on it.");
            _verbs.Reclaim();
            return new Call(this, what, isNested: false);
        }
        catch
        {
            Leave();
            throw;
        }
    }

    private void Leave() => Interlocked.CompareExchange(ref _caller, 0, Environment.CurrentManagedThreadId);

    /// <summary>A running call.</summary>
    public readonly ref struct Call
    {
        private readonly Backend? _backend;
        private readonly string? _verb;
        private readonly bool _takesActivations;

        internal Call(Backend backend, string verb, bool isNested, bool takesActivations = false) =>
            (_backend, _verb, IsNested, _takesActivations) = (backend, verb, isNested, takesActivations);

        /// <summary>The same call, for a verb that takes tensors of the type of <see cref="Activations"/>.</summary>
        internal Call OfActivations() => new(_backend!, _verb!, IsNested, takesActivations: true);

        /// <summary>Whether it runs inside another call of the same thread.</summary>
        internal bool IsNested { get; }

        /// <summary>Ends the call.</summary>
        public void Dispose()
        {
            if (!IsNested)
                _backend?.Leave();
        }

        /// <exception cref="ArgumentNullException">A tensor is null.</exception>
        /// <exception cref="ArgumentException">A tensor belongs to another backend.</exception>
        internal void Given(params ReadOnlySpan<Tensor?> tensors)
        {
            foreach (Tensor? tensor in tensors)
            {
                if (tensor is null)
                    throw new ArgumentNullException(null, $"{_verb}: a tensor is missing (null).");
                Perhaps(tensor);
            }
        }

        /// <summary>For an optional tensor.</summary>
        /// <exception cref="ArgumentException">The tensor belongs to another backend.</exception>
        internal void Perhaps(Tensor? tensor)
        {
            if (tensor is not null && !_backend!._verbs.Owns(tensor.Storage))
            {
                throw new ArgumentException($"{_verb}: the tensor {tensor.Shape} is not this backend's ({_backend.Name}). "
                    + "Download its numbers from the backend that made it and upload them to a tensor of this one.");
            }
            if (tensor is { Element: not Element.Float32 } && !(_takesActivations && tensor.Element == _backend!.Activations))
                throw new ArgumentException($"{_verb}: the tensor {tensor.Shape} is {tensor.Element}, which this verb of {_backend!.Name} does not take.");
        }

        /// <summary>For elementwise verbs.</summary>
        /// <exception cref="ShapeException">The tensors have different element counts.</exception>
        internal void Equal(params ReadOnlySpan<Tensor?> tensors)
        {
            Given(tensors);
            foreach (Tensor? tensor in tensors)
            {
                if (tensor!.Shape.Count != tensors[0]!.Shape.Count)
                    throw Misfit("tensors of one size", tensors);
            }
        }

        /// <exception cref="ArgumentException">The host's element count differs from the tensor's.</exception>
        internal void Counts(int host, Tensor tensor)
        {
            Given(tensor);
            if (host != tensor.Shape.Count)
            {
                throw new ArgumentException(
                    $"{_verb}: the host's memory has {host} numbers, the tensor {tensor.Shape} has {tensor.Shape.Count}. Both must have the same.");
            }
        }

        /// <exception cref="ShapeException">The tensors do not fit each other.</exception>
        internal void Fits(bool fits, string wants, params ReadOnlySpan<Tensor?> tensors)
        {
            if (!fits)
                throw Misfit(wants, tensors);
        }

        /// <exception cref="ArgumentException">The tensors have different element types.</exception>
        internal void Alike(params ReadOnlySpan<Tensor?> tensors)
        {
            foreach (Tensor? tensor in tensors)
            {
                if (tensor is not null && tensor.Element != tensors[0]!.Element)
                    throw new ArgumentException($"{_verb}: {tensors[0]!.Element} and {tensor.Element} tensors do not go together here.");
            }
        }

        /// <exception cref="ArgumentException">A tensor is not float32.</exception>
        internal void Floats(params ReadOnlySpan<Tensor?> tensors)
        {
            foreach (Tensor? tensor in tensors)
            {
                if (tensor is { Element: not Element.Float32 })
                    throw new ArgumentException($"{_verb}: the tensor {tensor.Shape} is {tensor.Element}, which the verb does not take in that place.");
            }
        }

        private ShapeException Misfit(string wants, ReadOnlySpan<Tensor?> tensors)
        {
            var shapes = new List<Shape>();
            foreach (Tensor? tensor in tensors)
            {
                if (tensor is not null)
                    shapes.Add(tensor.Shape);
            }
            return new ShapeException(_verb!, shapes, wants);
        }
    }

    /// <summary>
    /// A replay that enters the backend like a verb. Disposed while it runs, by any thread or by its own verbs, it finishes that run first.
    /// </summary>
    internal sealed class CheckedReplay(Backend backend, IReplay replay) : IReplay
    {
        private const int Idle = 0, Running = 1, Disposed = 2;

        private int _state;

        /// <summary>The device's own replay.</summary>
        public IReplay Inner => replay;

        public void Run()
        {
            using Call call = backend.Enter(nameof(Replay));
            switch (Interlocked.CompareExchange(ref _state, Running, Idle))
            {
                case Running:
                    throw new InvalidOperationException("Replay: this replay runs itself, and would never end. Remove the call of Run from its verbs.");
                case Disposed:
                    throw new ObjectDisposedException(nameof(IReplay), "this replay was disposed: make another one with Replay.");
            }
            try
            {
                replay.Run();
            }
            finally
            {
                if (Interlocked.CompareExchange(ref _state, Idle, Running) == Disposed)
                    replay.Dispose();
            }
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _state, Disposed) == Idle)
                replay.Dispose();
        }
    }
}
