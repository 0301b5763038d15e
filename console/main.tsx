import { render } from 'preact';
import './styles/main.css';
import { App } from './app.tsx';
import { keepFocus } from './components/heading.tsx';
import { ignoreRepeatedClicks } from './components/repeated-clicks.ts';

keepFocus();
ignoreRepeatedClicks();
render(<App />, document.getElementById('console') ?? document.body);
