using Engine.Backends;

namespace Iba.Attribution;

/// <summary>
/// A recording of a network for some number of rows. It is made when it is first needed and anew only when another number is, so that a
/// single image does not pay for a batch, and a long list is recorded once. Where the device's memory is full it is made for half as many.
/// </summary>
/// <param name="record">Records for so many rows.</param>
/// <param name="bytes">What a recording holds; null where no budget is kept.</param>
internal sealed class RecordedRows<P>(Func<int, P> record, Func<P, long>? bytes = null) : IDisposable where P : class, IDisposable
{
    /// <summary>An arena is counted in ints.</summary>
    private const long MostBytes = sizeof(float) * (long)int.MaxValue;

    private P? _recorded;
    private int _rows;
    private int _most = int.MaxValue;
    private long _perRow;

    /// <summary>How many rows a budget has room for, at least one. Measured on a recording of one row.</summary>
    public int Within(long budget)
    {
        if (_perRow == 0)
            _perRow = bytes!(Of(1));
        return (int)Math.Max(Math.Min(_most, Math.Min(budget, MostBytes) / _perRow), 1);
    }

    /// <summary>A recording for a number of rows in all, taken in equal chunks that stay inside the budget.</summary>
    public P For(int rows, long budget)
    {
        int most = Within(budget);
        int chunks = (rows + most - 1) / most;
        return Of((rows + chunks - 1) / chunks);
    }

    /// <summary>
    /// How many rows to take of those that are left: equal parts that stay below a limit, so that no part is nearly empty; or as many as the
    /// recording that is there has, where filling it up costs less than half of it.
    /// </summary>
    /// <param name="left">Rows that are left.</param>
    /// <param name="most">The limit.</param>
    public int Part(int left, int most)
    {
        int parts = (left - 1) / most + 1, part = (left - 1) / parts + 1;
        return _recorded is not null && _rows >= part && _rows < 2L * part ? _rows : part;
    }

    /// <summary>Does work on a recording of so many rows, or of as many as turn out to fit.</summary>
    /// <param name="rows">How many at most.</param>
    /// <param name="work">Given the recording and its rows; where the memory is full it is begun anew with fewer.</param>
    /// <param name="halved">Told how many rows are left.</param>
    /// <exception cref="DeviceMemoryException">Not even one row fits.</exception>
    public R With<R>(int rows, Func<P, int, R> work, Action<int>? halved)
    {
        while (true)
        {
            try
            {
                int some = Math.Min(rows, _most);
                return work(Of(some), some);
            }
            catch (DeviceMemoryException full)
            {
                halved?.Invoke(Halve(full));
            }
        }
    }

    /// <summary>Forgets the recording, and makes none of more than half its rows any more.</summary>
    /// <param name="full">Why.</param>
    /// <returns>How many rows are left.</returns>
    /// <exception cref="DeviceMemoryException">It was one row.</exception>
    public int Halve(DeviceMemoryException full)
    {
        Dispose();
        if (_rows <= 1)
            throw new DeviceMemoryException($"not even one image at a time fits: {full.Message}");
        return _most = _rows / 2;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
    }

    private P Of(int rows)
    {
        if (_recorded is null || _rows != rows)
        {
            Dispose();
            _rows = rows;
            _recorded = record(rows);
        }
        return _recorded;
    }
}
