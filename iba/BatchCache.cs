using Iba.Engine;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba;

/// <summary>What a <see cref="BatchCache{P}"/> does, whatever it records.</summary>
internal interface IBatchCache : IDisposable
{
    /// <summary>The number of rows that a budget allows, at least one; measured on a recording of one row.</summary>
    int Within(long budget);

    /// <summary>
    /// Whether fewer rows may do where the last ones failed: the device is out of memory, or a tensor of several rows would be too large. That shows when a
    /// method records, which may be late.
    /// </summary>
    bool IsTooLarge(IbaException fault);

    /// <summary>Drops the recording; from now on none has more than half its rows.</summary>
    /// <param name="full">The reason.</param>
    /// <returns>The new number of rows.</returns>
    /// <exception cref="DeviceMemoryException">It had one row already.</exception>
    int Halve(IbaException full);
}

/// <summary>
/// Caches a network's recording for one batch size. It is recorded on first use and again only if another size is needed, so a single image
/// does not pay for a batch, and a long list is recorded once. If the device is out of memory, the size is halved.
/// </summary>
/// <param name="record">Records for a number of rows.</param>
/// <param name="bytes">The memory of a recording that grows with its rows; null if there is no budget.</param>
/// <param name="shared">The memory besides, whatever the rows; null for none.</param>
internal sealed class BatchCache<P>(Func<int, P> record, Func<P, long>? bytes = null, Func<P, long>? shared = null) : IBatchCache where P : class, IDisposable
{
    /// <summary>An arena's element count is an int.</summary>
    private const long MostBytes = sizeof(float) * (long)int.MaxValue;

    private P? _recorded;
    private int _rows;
    private int _most = int.MaxValue;
    private long _perRow;
    private long _shared;

    /// <inheritdoc/>
    public int Within(long budget)
    {
        if (_perRow == 0)
            (_perRow, _shared) = (bytes!(Of(1)), shared?.Invoke(Of(1)) ?? 0);
        return (int)Math.Max(Math.Min(_most, Math.Min(budget - _shared, MostBytes) / _perRow), 1);
    }

    /// <summary>A recording of exactly that many rows.</summary>
    /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
    /// <exception cref="TensorSizeException">A tensor of so many rows would be too large.</exception>
    public P Of(int rows)
    {
        if (_recorded is null || _rows != rows)
        {
            Dispose();
            _rows = rows;
            _recorded = record(rows);
        }
        return _recorded;
    }

    /// <summary>A recording for processing a number of rows in equal chunks within the budget.</summary>
    public P For(int rows, long budget)
    {
        int most = Within(budget);
        int chunks = (rows + most - 1) / most;
        return Of((rows + chunks - 1) / chunks);
    }

    /// <summary>
    /// How many of the remaining rows to process next: equal parts up to an upper bound, so that no part is nearly empty; or the size of
    /// the present recording, if filling it up wastes less than half of it.
    /// </summary>
    /// <param name="left">Remaining rows.</param>
    /// <param name="most">The upper bound.</param>
    public int Part(int left, int most)
    {
        int parts = (left - 1) / Math.Min(most, _most) + 1, part = (left - 1) / parts + 1;
        return _recorded is not null && _rows >= part && _rows < 2L * part ? _rows : part;
    }

    /// <summary>Runs work on a recording of the given number of rows, or of fewer if memory does not suffice.</summary>
    /// <param name="rows">The upper bound.</param>
    /// <param name="work">Called with the recording and its rows; restarted with fewer if so many are too large.</param>
    /// <param name="halved">Called with the new number of rows.</param>
    /// <exception cref="DeviceMemoryException">Not even one row fits.</exception>
    /// <exception cref="TensorSizeException">A tensor of one row would be too large.</exception>
    public R With<R>(int rows, Func<P, int, R> work, Action<int>? halved)
    {
        while (true)
        {
            try
            {
                int some = Math.Min(rows, _most);
                return work(Of(some), some);
            }
            catch (IbaException full) when (IsTooLarge(full))
            {
                int fewer = Halve(full);
                halved?.Invoke(fewer);
            }
        }
    }

    /// <inheritdoc/>
    public bool IsTooLarge(IbaException fault) => fault is DeviceMemoryException || (fault is TensorSizeException && _rows > 1);

    /// <inheritdoc/>
    public int Halve(IbaException full)
    {
        Dispose();
        if (_rows <= 1)
            throw new DeviceMemoryException("not even one image at a time fits", $"{full.Subject}: {full.Reason}", full.Remedy);
        return _most = _rows / 2;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
    }
}
